# @summary What an update may do.
#
# `binary`: files that are not text and changed on both sides; `deleted`: files that the operator deleted and the vendor
# changed; `acknowledge`: whether every manual step of an update must be acknowledged, or none; `keep_snapshots`: how many
# stay for a rollback; `rollback`: whether a failed verification after an update leads back to the old level;
# `not_superseded`: hotfixes that no update may end.
type Pitstop::Policy = Struct[{
  Optional['binary']         => Enum['conflict', 'take-new', 'keep'],
  Optional['deleted']        => Enum['conflict', 'take-new', 'keep'],
  Optional['acknowledge']    => Boolean,
  Optional['keep_snapshots'] => Integer[1],
  Optional['rollback']       => Boolean,
  Optional['not_superseded'] => Array[String[1]],
}]
