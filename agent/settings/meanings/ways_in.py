"""What the settings of the ways in mean: for registers, and for messages of payment systems."""

from collections.abc import Mapping

from agent.settings.listeners import Client, HttpListener, Line, PageListener, PtyListener, SerialListener, UnixListener
from agent.settings.part import Part
from agent.settings.webhooks import Hook, Webhooks
from agent.texts import N_

WAYS_IN: Mapping[type[Part], Mapping[str, str]] = {
    UnixListener: {
        "path": N_("The path of the socket."),
        "users": N_("Users of this machine who may connect, by name or number."),
        "groups": N_("Groups of this machine whose members may connect, by name or number."),
        "connections_per_user": N_("Connections of one user at a time."),
    },
    Part: {
        "kind": N_(
            "What the way in is: unix, a socket of this machine; tcp; http; serial, a serial port; pty, a pseudo-terminal; "
            "page, the status page alone."
        ),
        "role": N_("pos: a register. admin: the command line and operators; what they look at does not count as handed over."),
        "payouts": N_("Whoever comes in by it may also pay out (pay money to people), where the payment system can."),
        "terminals": N_("For which tills: storeId/terminalId, where a star stands for all."),
        "connections": N_("Connections at a time."),
        "requests_per_s": N_("Requests a second."),
        "host": N_("The address of this machine that is listened at. Tokens travel in the clear, so it is this machine alone."),
        "port": N_("The port that is listened at."),
        "client": N_("A program that may use this way in, known by its token. One table for each."),
    },
    HttpListener: {
        "origins": N_("Pages of a browser that may call it, beside its own."),
        "metrics": N_("Figures for Prometheus at /metrics, for whoever shows the token of one of the clients."),
        "page": N_(
            "The status page at /. open: for everybody on this machine; token: for operators, with their token; off: for nobody. "
            "What can be done on it takes an operator's token in any case."
        ),
    },
    PageListener: {
        "host": N_("The address of this machine that is listened at. Beyond this machine only with a certificate."),
        "names": N_("Names or addresses by which browsers ask for the page, beside host."),
        "certificate_file": N_("The certificate of the page, with the chain that leads to its authority."),
        "key_file": N_("The key of the certificate. It must not need a password."),
    },
    Client: {
        "name": N_("The name of the program, for the log."),
        "token_file": N_(
            "A file with the token on one line: at least 16 characters, made at random. Give either this or token_credential."
        ),
        "token_credential": N_(
            "The name under which systemd hands the token over (LoadCredential= in the unit). Give either this or token_file."
        ),
    },
    Line: {
        "ack_limit_ms": N_("Until a frame that was not acknowledged is sent again; on a slow line the time that the frame takes is added."),
        "repeats": N_("How often a frame is repeated, until the register counts as gone."),
        "part_bytes": N_("Longer messages are sent in parts of so many bytes."),
    },
    SerialListener: {
        "path": N_("The serial port. Best is a name below /dev/serial/by-id, which stays when plugs are moved."),
        "baud": N_("The speed in bits per second, the same as at the register. Means nothing on a USB line that is none."),
        "parity": N_("The parity bit, the same as at the register."),
        "stop_bits": N_("The stop bits, the same as at the register."),
        "flow_control": N_("Hardware flow control, the same as at the register."),
    },
    PtyListener: {
        "path": N_("The symbolic link to the pseudo-terminal; its name never changes. Its directory must belong to the agent or to root."),
        "user": N_("Who may open it beside the agent's own user; only if the agent runs as root."),
        "group": N_("The group that may open it; the agent's user must be in it as well."),
    },
    Webhooks: {
        "address": N_("The address of this machine that is listened at. Beyond 127.0.0.1 messages must be encrypted."),
        "certificate_file": N_("The certificate with its chain, in PEM, if messages come from beyond this machine."),
        "key_file": N_("The certificate's private key: a file of the agent's user that nobody else can read."),
        "behind_proxy": N_("A proxy on another machine encrypts instead of the agent."),
        "port": N_("The port that is listened at."),
        "connections": N_("Connections at a time."),
        "requests_per_s": N_("Messages a second, of each payment system."),
        "time_limit_s": N_("For a whole message, from its first byte."),
        "koshelek": N_("Messages (postbacks) of Koshelek."),
        "paycore": N_("Messages of PayCore.io."),
        "softline": N_("Messages of Softline Payments."),
        "payconnect": N_("Messages of PayConnect."),
    },
    Hook: {
        "path": N_("What follows the host in the address that you give to the payment system."),
        "secret_files": N_(
            "Files with what proves a message, one line each. A message proven by any of them counts, so that one can be "
            "exchanged without a gap."
        ),
        "secret_credentials": N_("The same as secret_files, handed over by systemd (LoadCredential= in the unit)."),
        "login": N_("The login that you have told Koshelek as partnerLogin."),
    },
}
