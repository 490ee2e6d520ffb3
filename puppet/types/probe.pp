# @summary One check of a server: exactly one of `http`, `tcp`, `log` and `command`.
type Pitstop::Probe = Struct[{
  'name'                 => String[1],
  Optional['required']   => Boolean,
  Optional['timeout_s']  => Integer[1],
  Optional['interval_s'] => Integer[0],
  Optional['deadline_s'] => Integer[0],
  Optional['http']       => Struct[{
    'url'              => String[1],
    Optional['status'] => Integer[100, 599],
    Optional['body']   => String[1],
    Optional['json']   => Hash[String, Data],
    Optional['ca']     => String[1],
  }],
  Optional['tcp']        => Struct[{
    'port'           => Pitstop::Port,
    Optional['host'] => String[1],
  }],
  Optional['log']        => Struct[{
    'file'             => String[1],
    'pattern'          => String[1],
    Optional['forbid'] => String[1],
  }],
  Optional['command']    => Array[String[1], 1],
}]
