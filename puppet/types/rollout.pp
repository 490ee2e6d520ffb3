# @summary When an instance may change: shares of the fleet, maintenance windows, and a lock.
#
# `waves`: shares, rising in percent and time; each host has a place from a hash of its name, and may go once the first
# share that holds it has opened. `seed`: another one shuffles the hosts. `windows`: any of them will do; each host may
# change at any time without them. `lock`: how many instances of a group may be down at once.
type Pitstop::Rollout = Struct[{
  Optional['waves']   => Array[Pitstop::Wave],
  Optional['seed']    => String[1],
  Optional['windows'] => Array[Pitstop::Window],
  Optional['lock']    => Pitstop::Lock,
}]
