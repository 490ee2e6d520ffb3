# frozen_string_literal: true

# `puppet apply` that remembers what it left, as `puppet agent` does and `puppet apply` does not. Prints, as JSON, what its
# report says of each resource.
#   ruby as_agent.rb OPTION… MANIFEST
require 'json'
require 'puppet/util/command_line'
require 'puppet/application/apply'

at_exit do
  # What it writes there is its own: objects of Puppet.
  report = Psych.unsafe_load_file(Puppet[:lastrunreport])
  puts JSON.generate(report.to_data_hash['resource_statuses'].values)
end
Puppet::Application::Apply.run_mode(:agent)
Puppet::Util::CommandLine.new('puppet', ['apply', '--logdest', 'console', *ARGV]).execute
