# @summary What a release must bring before it is staged.
#
# `unsigned`: whether a source that nobody signed is allowed; `evidence`: what must have gone well, by environment, in the order
# in which a release passes through them, on so many hosts, for so long, with which suites; `scan`: what a vulnerability scan
# must say; `approvals`: how many people must have approved, of these names or of all with the role; `max_age`: how old evidence
# and approvals may be; `hold`: levels that nobody may go to.
type Pitstop::Demands = Struct[{
  Optional['unsigned']  => Enum['allow', 'refuse'],
  Optional['evidence']  => Array[Struct[{
    'environment'      => String[1],
    Optional['hosts']  => Integer[1],
    Optional['soak']   => Pitstop::Duration,
    Optional['suites'] => Array[String[1]],
  }]],
  Optional['scan']      => Struct[{
    Optional['required']     => Boolean,
    Optional['max_severity'] => Enum['none', 'low', 'medium', 'high', 'critical'],
    Optional['max_age']      => Pitstop::Duration,
  }],
  Optional['approvals'] => Struct[{
    Optional['threshold'] => Integer[1],
    Optional['names']     => Array[String[1]],
  }],
  Optional['max_age']   => Pitstop::Duration,
  Optional['hold']      => Array[Pitstop::Level],
}]
