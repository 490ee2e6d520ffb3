# @summary Whom a host trusts.
#
# `version` only rises. `roles`: who signs the next trust document, releases, approvals, and evidence by environment; scans are
# evidence of the environment `scan`. `expires`: from then on nothing is believed on its account. `revoked`: the ids of keys that
# are never to be believed again.
type Pitstop::Trust = Struct[{
  'version'           => Integer[1],
  'roles'             => Struct[{
    Optional['trust']    => Pitstop::Role,
    Optional['release']  => Pitstop::Role,
    Optional['approval'] => Pitstop::Role,
    Optional['evidence'] => Hash[String[1], Pitstop::Role],
  }],
  Optional['expires'] => Pitstop::Moment,
  Optional['revoked'] => Array[Pattern[/\A\h{64}\z/]],
}]
