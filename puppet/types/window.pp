# @summary A maintenance window.
#
# `days`: on which it begins, every day without them; `from` and `to`: on the next day where `to` is not later; `zone`: UTC
# without one.
type Pitstop::Window = Struct[{
  Optional['days'] => Array[Enum['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], 1],
  'from'           => Pitstop::Clock,
  'to'             => Pitstop::Clock,
  Optional['zone'] => Pattern[/\A[A-Za-z][A-Za-z0-9_+\/-]*\z/],
}]
