# @summary A file that Puppet carries to the host: its content, or where it comes from; or that it is to be gone.
type Pitstop::Carried = Variant[
  Struct[{ 'content' => String[1] }],
  Struct[{ 'source' => Pitstop::Origin }],
  Struct[{ 'ensure' => Enum['absent'] }],
]
