# @summary A share of the fleet, and when it opens: RFC 3339, in quotes.
type Pitstop::Wave = Struct[{
  'percent' => Variant[Integer[1, 100], Float[0.01, 100.0]],
  'opens'   => Pattern[/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\z/],
}]
