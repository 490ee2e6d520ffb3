# @summary A time of the day such as '22:00', in quotes.
type Pitstop::Clock = Pattern[/\A([01]\d|2[0-3]):[0-5]\d\z/]
