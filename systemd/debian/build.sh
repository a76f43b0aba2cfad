#!/bin/sh
# Builds the Debian package: "make deb" runs
#
#     systemd/debian/build.sh PIP PYTHON TARGET [VERSION]
#
# PIP: a Python with pip and the build backend of pyproject.toml. PYTHON: that of the tills, Debian's own. TARGET: a folder for the package.
# All libraries come from the lock with their hashes; they are fetched once, and kept in TARGET, or in $WHEELS. In a clone the commit that is
# checked out is packed, by its own copy of this script, and nothing else that lies around: two builds of one commit are the same to the last
# byte, wherever they are made. Sources without git are packed as they are. Which of the two it was is said, with what is left out.
set -eu
umask 022
export LC_ALL=C.UTF-8 TZ=UTC PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1

pip=$1 python=$2
mkdir -p "$3"
target=$(cd "$3" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)

if [ -e "$root/.git" ] && command -v git >/dev/null; then
    git() { command git -c safe.directory='*' -C "$root" "$@"; }
    commit=$(git rev-parse HEAD)
    echo "Packed is commit $commit" >&2
    git status --short --untracked-files=normal | sed 's/^/not committed, so not packed: /' >&2
    tree=$(mktemp -d "$target/tree.XXXXXX")
    trap 'rm -rf "$tree"' EXIT
    git archive "$commit" >"$tree/tree.tar"
    tar -xf "$tree/tree.tar" -C "$tree" --no-same-owner --no-same-permissions
    export PACKED_COMMIT="$commit" SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct "$commit")}"
    sh "$tree/systemd/debian/build.sh" "$@"
    exit
fi
[ -n "${PACKED_COMMIT:-}" ] || echo "Packed is what lies in $root" >&2

debian=$root/systemd/debian
version=${4:-$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml")}
architecture=$(dpkg --print-architecture)
series=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=$("$python" -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat -c %Y "$root/pyproject.toml")}
export SOURCE_DATE_EPOCH

[ "$("$python" -c 'import sys; print(sys.prefix)')" = /usr ] || { echo "$python is not Debian's own: name one, make deb DEB_PYTHON=..." >&2; exit 1; }

work=$(mktemp -d "$target/deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
stage=$work/root
home=$stage/opt/koshelek-agent
packages=$home/lib/python$series/site-packages

# The environment, by hand: what the venv module writes names the folder of the build.
mkdir -p "$home/bin" "$packages"
ln -s "/usr/bin/python$series" "$home/bin/python3"
printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = %s\n' "$series" >"$home/pyvenv.cfg"

pip() { "$pip" -m pip --quiet --disable-pip-version-check "$@"; }
wheels=${WHEELS:-$target}/wheels-$series-$(sha256sum "$root/requirements.lock" | cut -c -16)
if [ ! -d "$wheels" ]; then
    pip --python "$home/bin/python3" download --no-deps --require-hashes --only-binary :all: --dest "$wheels.$$" -r "$root/requirements.lock"
    mv -T "$wheels.$$" "$wheels" 2>/dev/null || rm -rf "$wheels.$$" # another build may have been faster
fi
install_packages() { pip --python "$home/bin/python3" install --no-compile --no-deps --no-index "$@"; }
install_packages --require-hashes --only-binary :all: --find-links "$wheels" -r "$root/requirements.lock"
mkdir "$work/source"
(cd "$root" && cp -R agent drivers pyproject.toml README.md "$work/source/")
find "$work/source" -name __pycache__ -prune -exec rm -rf {} +
pip wheel --no-deps --no-build-isolation --no-index --wheel-dir "$work" "$work/source"
install_packages "$work"/koshelek_agent-*.whl

# What pip notes about this machine, and the commands of the libraries.
find "$packages" -path '*.dist-info/*' \( -name RECORD -o -name direct_url.json -o -name REQUESTED -o -name INSTALLER \) -delete
find "$home/bin" -type f -delete
rm -rf "$home/share" "$home/include"
cat >"$home/bin/koshelek-agent" <<'PROGRAM'
#!/opt/koshelek-agent/bin/python3 -PB
from agent.cli import main

main()
PROGRAM
chmod 755 "$home/bin/koshelek-agent"

# Compiled here, for the service writes nothing; always in force, for the files change only together.
"$python" -m compileall -q -j 1 --invalidation-mode unchecked-hash -s "$stage" -p / "$packages"

put() { install -D -m 0644 "$1" "$stage/$2"; }
put "$root/systemd/koshelek-agent.service" lib/systemd/system/koshelek-agent.service
put "$debian/koshelek-agent.sysusers" usr/lib/sysusers.d/koshelek-agent.conf
put "$debian/koshelek-agent.tmpfiles" usr/lib/tmpfiles.d/koshelek-agent.conf
put "$debian/koshelek-agent.modules-load" usr/lib/modules-load.d/koshelek-agent.conf
put "$debian/61-koshelek-agent.rules" etc/udev/rules.d/61-koshelek-agent.rules
mkdir -p "$stage/usr/bin"
ln -s /opt/koshelek-agent/bin/koshelek-agent "$stage/usr/bin/koshelek-agent"

document=usr/share/doc/koshelek-agent
for page in "$root"/docs/*.md; do put "$page" "$document/$(basename "$page")"; done
for page in "$root"/docs/ru/*.md "$root"/docs/ru/*.html; do put "$page" "$document/ru/$(basename "$page")"; done
for picture in "$root"/docs/screenshots/*.png; do put "$picture" "$document/screenshots/$(basename "$picture")"; done
put "$root/config/koshelek-agent.toml" "$document/examples/koshelek-agent.toml"
for file in "$root"/config/prometheus/*.yml; do put "$file" "$document/examples/prometheus/$(basename "$file")"; done
put "$root/config/grafana/koshelek-agent.json" "$document/examples/grafana/koshelek-agent.json"
put "$root/CHANGELOG.md" "$document/changelog"
gzip -9n "$stage/$document/changelog"
put "$debian/copyright" "$document/copyright"

# From the program's own commands, so that they cannot say anything else.
run() { env PYTHONPATH="$packages" "$python" -P "$@"; }
run -m agent.cli.manual >"$work/manual"
put "$work/manual" usr/share/man/man1/koshelek-agent.1
gzip -9n "$stage/usr/share/man/man1/koshelek-agent.1"
env _KOSHELEK_AGENT_COMPLETE=bash_source PYTHONPATH="$packages" "$python" -P "$home/bin/koshelek-agent" >"$work/completion"
put "$work/completion" usr/share/bash-completion/completions/koshelek-agent

# The control files.
mkdir "$stage/DEBIAN"
size=$(find "$stage" -path "$stage/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
sed -e "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@INSTALLED_SIZE@/$size/" \
    -e "s/@PYTHON_DEPENDS@/python3 (>= $series), python3 (<< $next)/" "$debian/control" >"$stage/DEBIAN/control"
cp "$debian/conffiles" "$stage/DEBIAN/conffiles"
for script in preinst postinst prerm postrm; do
    sed -e "/^@COMMON@$/{
        r $debian/common
        d
        }" -e "s/@VERSION@/$version/g" "$debian/$script" >"$stage/DEBIAN/$script"
    chmod 755 "$stage/DEBIAN/$script"
done
(cd "$stage" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)

chmod -R u=rwX,go=rX "$stage"
find "$stage" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
package=koshelek-agent_${version}_$architecture.deb
# The first level of xz: the others save a sixth and take four times as long.
dpkg-deb --root-owner-group -Zxz -z1 --build "$stage" "$work/$package" >/dev/null
mv "$work/$package" "$target/$package"
echo "$target/$package"
