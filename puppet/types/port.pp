# @summary A port, or a template for one such as '{{ rest_port }}'.
type Pitstop::Port = Variant[Integer[1, 65535], String[1]]
