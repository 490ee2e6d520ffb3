# @summary A moment as in RFC 3339, such as '2026-12-01T08:00:00Z', in quotes.
type Pitstop::Moment = Pattern[/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\z/]
