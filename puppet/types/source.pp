# @summary Where updates come from: a bundle or a pack, a folder of them, bundles on a web server, or the vendor's update tool.
type Pitstop::Source = Variant[
  Pitstop::Path,
  Pitstop::Address,
  Struct[{
    'web' => Struct[{
      'url'             => Pitstop::Address,
      Optional['ca']    => String[1],
      Optional['token'] => String[1],
      Optional['proxy'] => Struct[{
        Optional['https']    => String[1],
        Optional['no_proxy'] => String[1],
      }],
    }],
  }],
  Struct[{
    'vendor-tool' => Struct[{
      Optional['credentials'] => Variant[Struct[{ 'file' => String[1] }], Struct[{ 'env' => Boolean }]],
      Optional['channel']     => String[1],
      Optional['home']        => Pitstop::Path,
      Optional['timeout_s']   => Integer[1],
      Optional['proxy']       => Struct[{
        Optional['http']     => String[1],
        Optional['https']    => String[1],
        Optional['no_proxy'] => String[1],
      }],
    }],
  }]
]
