"""Units that run the heartbeat each minute. They hold no secret: the token stands in a file that root alone reads."""

from __future__ import annotations

import os
import shlex
import sys

from alai.cli.errors import DONE, Usage
from alai.cli.host.beat import host_name
from alai.cli.speech import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from alai.cli.options import Given

ENV_FILE = "/etc/alai/heartbeat.env"
LABEL = "alai.heartbeat"
EVERY = 60  # seconds

LAUNCHD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- {env_file} holds ALAI_MC_URL=... and ALAI_TOKEN=... (chmod 600); launchctl bootstrap gui/$(id -u) THIS_FILE -->
<plist version="1.0">
<dict>
    <key>Label</key>
    <string>{label}</string>
    <key>ProgramArguments</key>
    <array>
        <string>/bin/sh</string>
        <string>-c</string>
        <string>{script}</string>
    </array>
    <key>StartInterval</key>
    <integer>{every}</integer>
    <key>RunAtLoad</key>
    <true/>
    <key>StandardErrorPath</key>
    <string>/tmp/{label}.log</string>
</dict>
</plist>"""

SYSTEMD = """\
# /etc/systemd/system/{label}.service
[Unit]
Description=Heartbeat to Mission Control
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
# ALAI_MC_URL=... and ALAI_TOKEN=..., chmod 600
EnvironmentFile={env_file}
ExecStart={command}
TimeoutStartSec=55

# /etc/systemd/system/{label}.timer (systemctl enable --now {label}.timer)
[Unit]
Description=Heartbeat to Mission Control, each minute

[Timer]
OnBootSec=15
OnUnitActiveSec={every}
AccuracySec=1

[Install]
WantedBy=timers.target"""


def show(given: Given) -> int:
    words = [os.path.abspath(sys.argv[0]), "heartbeat", "--host", host_name(given)]  # noqa: PTH100
    words += [f"--{name}" for name in ("no-restart", "watch-control-plane") if given.has(name)]
    words += ["--services", given.text("services")] if given.has("services") else []
    env_file = given.text("env-file", ENV_FILE)
    if not env_file.startswith("/") or not env_file.isprintable():
        raise Usage("--env-file is an absolute path, e.g. /etc/alai/heartbeat.env.")
    command = shlex.join(words)
    if given.text("print-unit") == "launchd":
        from xml.sax.saxutils import escape

        script = f"set -a; . {shlex.quote(env_file)}; exec {command}"
        tell(LAUNCHD.format(label=LABEL, script=escape(script), env_file=escape(env_file), every=EVERY))
    else:
        tell(SYSTEMD.format(label=LABEL, command=command.replace("%", "%%"), env_file=env_file, every=EVERY))
    return DONE
