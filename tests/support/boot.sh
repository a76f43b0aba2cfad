#!/bin/sh
# Boots a systemd of its own as process 1, over a throw-away layer on a root; see machine.py, which starts it as
#
#   unshare --mount --pid --fork --kill-child --uts --ipc --net sh boot.sh begin GROUP ROOT FILES [SOURCE:TARGET ...]
#
# GROUP: name of the control group that everything in it belongs to. ROOT: a folder with a Debian. FILES: a tree that is laid over it.
# SOURCE:TARGET: what is mounted into it. Nothing written inside reaches the real root; /sys and /proc/sys cannot be written to. "sh boot.sh clean GROUP" removes
# the groups that are left when all is dead.
set -e

groups() { # mounts the hierarchy that systemd needs
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        mount -t cgroup2 cgroup2 "$1"
    else
        mount -t cgroup -o none,name=systemd cgroup "$1"
    fi
}

case $1 in
clean)
    mount -t tmpfs tmpfs /mnt
    groups /mnt
    [ ! -d "/mnt/$2" ] || find "/mnt/$2" -depth -type d -exec rmdir {} +
    exit
    ;;
begin)
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 tmpfs /mnt
    mkdir /mnt/groups
    groups /mnt/groups
    mkdir "/mnt/groups/$2"
    echo 0 >"/mnt/groups/$2/cgroup.procs"
    umount /mnt/groups
    shift 2
    exec unshare --cgroup sh "$0" enter "$@"
    ;;
esac

lower=$2 files=$3 root=/mnt/root
shift 3
mkdir /mnt/upper /mnt/work "$root"
mount -t overlay -o lowerdir="$lower",upperdir=/mnt/upper,workdir=/mnt/work overlay "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    groups "$root/sys/fs/cgroup"
else
    mkdir "$root/sys/fs/cgroup/systemd"
    groups "$root/sys/fs/cgroup/systemd"
fi
for place in run dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$place"; done
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

cp -a "$files/." "$root/"
for pair; do
    mkdir -p "$root${pair#*:}"
    mount --bind "${pair%%:*}" "$root${pair#*:}"
done
mkdir "$root/before"
cd "$root"
pivot_root . before
umount -l /before
rmdir /before
mount --make-rshared /
: >/etc/fstab
export container=test
exec /lib/systemd/systemd --system --unit=basic.target --show-status=no --log-target=console --log-level=warning
