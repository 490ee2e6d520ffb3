# shellcheck shell=bash
# Sourced: a private sshd for the current user on 127.0.0.1, with its own host key and user key. The system's sshd and
# the user's ~/.ssh stay as they are.

# Writes the keys and settings into a folder, starts the server and sets ssh_port and sshd_pid.
start_sshd() { # DIR
  local dir=$1 pam=no
  command -v /usr/sbin/sshd >/dev/null || { echo "openssh-server is not installed" >&2; return 1; }
  # Without PAM sshd refuses root where the password is locked; with it sshd has to be root.
  if [[ $(id -u) == 0 ]]; then
    pam=yes
    mkdir -p /run/sshd # what the system's unit makes before each start; sshd insists on it
  fi
  mkdir -m 700 "$dir"
  ssh-keygen -q -t ed25519 -N '' -C 'host key of a test' -f "$dir/host_key"
  ssh-keygen -q -t ed25519 -N '' -C 'user key of a test' -f "$dir/user_key"
  for _ in 1 2 3; do # somebody else may take the free port first
    ssh_port=$("$(dirname "${BASH_SOURCE[0]}")/../packs/ports.py")
    write_sshd_config "$dir" "$ssh_port" "$pam"
    /usr/sbin/sshd -D -f "$dir/sshd_config" -E "$dir/sshd.log" &
    sshd_pid=$!
    if sshd_listens "$dir"; then
      printf '[127.0.0.1]:%s %s\n' "$ssh_port" "$(cut -d' ' -f1,2 "$dir/host_key.pub")" >"$dir/known_hosts"
      return 0
    fi
  done
  echo "sshd does not start:" >&2
  cat "$dir/sshd.log" >&2
  return 1
}

write_sshd_config() { # DIR PORT PAM
  cat >"$1/sshd_config" <<CONFIG
ListenAddress 127.0.0.1:$2
HostKey $1/host_key
AuthorizedKeysFile $1/user_key.pub
AllowUsers $(id -un)
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM $3
StrictModes no
PidFile none
PrintMotd no
Subsystem sftp internal-sftp
CONFIG
}

# Waits until the server itself says that it listens: anybody could accept a connection. Fails when it has ended instead.
sshd_listens() { # DIR
  local deadline=$((SECONDS + 20))
  while kill -0 "$sshd_pid" 2>/dev/null && ((SECONDS < deadline)); do
    grep -qs "Server listening on 127.0.0.1 port $ssh_port\." "$1/sshd.log" && return 0
    sleep 0.05
  done
  return 1
}
