# @summary A share of the fleet, and when it opens: RFC 3339, in quotes.
type Pitstop::Wave = Struct[{
  'percent' => Variant[Integer[1, 100], Float[0.01, 100.0]],
  'opens'   => Pitstop::Moment,
}]
