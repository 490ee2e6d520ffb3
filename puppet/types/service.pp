# @summary How a server is started and stopped where the profile's way does not fit.
#
# Programs with their arguments, what is added to their environment, seconds to wait, and the ports that must be free
# after a stop.
type Pitstop::Service = Struct[{
  Optional['start']           => Array[String[1], 1],
  Optional['stop']            => Array[String[1], 1],
  Optional['env']             => Hash[String[1], String],
  Optional['stop_timeout_s']  => Integer[1],
  Optional['start_timeout_s'] => Integer[1],
  Optional['ports']           => Array[Pitstop::Port],
}]
