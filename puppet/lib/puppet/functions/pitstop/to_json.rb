# frozen_string_literal: true

require 'json'

# @summary Writes data as a JSON document.
Puppet::Functions.create_function(:'pitstop::to_json') do
  # @param data What to write.
  # @return A document on one line.
  dispatch :to_json do
    param 'Data', :data
    return_type 'String[1]'
  end

  def to_json(data)
    "#{JSON.generate(data)}\n"
  end
end
