# @summary An update level such as '4.2.0.135', in quotes.
type Pitstop::Level = Pattern[/\A[A-Za-z0-9][A-Za-z0-9._+-]*\z/]
