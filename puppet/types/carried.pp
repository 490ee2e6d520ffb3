# @summary A file that Puppet carries to the host: its content, or where it comes from.
type Pitstop::Carried = Variant[Struct[{ 'content' => String[1] }], Struct[{ 'source' => Pitstop::Origin }]]
