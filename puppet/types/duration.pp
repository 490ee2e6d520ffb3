# @summary A time such as '30m', '24h', '7d' or '2w'.
type Pitstop::Duration = Pattern[/\A[0-9]+ ?[a-z]+( ?[0-9]+ ?[a-z]+)*\z/]
