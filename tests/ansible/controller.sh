# shellcheck shell=bash
# Sourced: Ansible apart from the user's settings, with the collection installed from its built archive and an sshd of its
# own on this host. Nothing of it lies outside the work folder.
# shellcheck source=tests/ansible/sshd.sh disable=SC1091
source "$(dirname "${BASH_SOURCE[0]}")/sshd.sh"
sshd_pid="" ssh_port="" # set by start_sshd

# Starts sshd with its keys in WORK/ssh and has every Ansible of this shell use WORK/ansible.cfg; the inventory is the
# caller's, in WORK/inventory.yml.
start_controller() { # WORK VENV
  start_sshd "$1/ssh"
  use_ansible_config "$1"
  install_collection "$1" "$2"
}

stop_controller() { # WORK
  local socket
  for socket in "$1"/ssh/control/*; do
    [[ ! -S $socket ]] || ssh -F none -o ControlPath="$socket" -O exit 127.0.0.1 2>/dev/null || true
  done
  [[ -z $sshd_pid ]] || { kill "$sshd_pid" && wait "$sshd_pid"; } 2>/dev/null || true
}

use_ansible_config() { # WORK
  write_ansible_config "$1"
  unset "${!ANSIBLE_@}" SSH_AUTH_SOCK
  export ANSIBLE_CONFIG=$1/ansible.cfg ANSIBLE_NOCOLOR=1 LC_ALL=C.UTF-8
}

write_ansible_config() { # WORK
  cat >"$1/ansible.cfg" <<CONFIG
[defaults]
home = $1/controller
local_tmp = $1/controller/tmp
remote_tmp = $1/remote
collections_path = $1/collections
inventory = $1/inventory.yml
interpreter_python = $(python3 -c "import sys; print(sys.executable)")
retry_files_enabled = false
nocows = true
[ssh_connection]
pipelining = true
retries = 3
control_path_dir = $1/ssh/control
ssh_args = -F none -o ControlMaster=auto -o ControlPersist=60s -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$1/ssh/known_hosts
CONFIG
}

install_collection() { # WORK VENV
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  if ! {
    "$2/bin/ansible-galaxy" collection build --output-path "$1/build" "$root/ansible" &&
      "$2/bin/ansible-galaxy" collection install --offline -p "$1/collections" "$1"/build/*.tar.gz
  } >"$1/log" 2>&1; then
    echo "the collection cannot be built and installed:" >&2
    cat "$1/log" >&2
    return 1
  fi
}
