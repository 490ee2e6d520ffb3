# frozen_string_literal: true

require 'yaml'

# @summary Writes settings as a YAML document, with keys in the order given; what is undef is left out at the top.
Puppet::Functions.create_function(:'pitstop::to_yaml') do
  # @param settings What to write. Nothing in it may be Sensitive: the file could be read by others.
  # @return A document that ends with a line break.
  dispatch :to_yaml do
    param 'Hash[String[1], Data]', :settings
    return_type 'String[1]'
  end

  def to_yaml(settings)
    YAML.dump(settings.compact).sub(/\A---\s/, '')
  end
end
