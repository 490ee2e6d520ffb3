# @summary A slot of a group, from a server that speaks the FleetLock protocol.
#
# `group`: `default` without it; `id`: host and instance without it; `ca`: a PEM file with the authorities that the server
# is trusted by; `token_file`: a bearer token that only root may read; `wait_s`: seconds for which a slot is waited for;
# `after_rollback`: whether an update that was rolled back keeps the slot, so that the group does not go on.
type Pitstop::Lock = Struct[{
  Optional['fleetlock']      => Pattern[/\Ahttps?:\/\/\S+\z/],
  Optional['group']          => String[1],
  Optional['id']             => String[1],
  Optional['ca']             => String[1],
  Optional['token_file']     => String[1],
  Optional['wait_s']         => Integer[0],
  Optional['after_rollback'] => Enum['keep', 'release'],
}]
