# frozen_string_literal: true

require_relative '../../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

Puppet::Type.type(:pitstop_service).provide(:cli, parent: Puppet::Provider::Pitstop) do
  desc 'Calls the agent `pitstop` and reads its JSON reports.'

  include PuppetX::Pitstop::RunState

  # Stops and starts a server that runs, unless this resource started it in this run: it has read everything then.
  # @return [String, nil] what happened
  def restart
    return if outcomes.key?(:ensure) || self.ensure != :running

    # What forbids the start is not to be found out with the server down.
    succeed(preview('start'))
    change('stop')
    change('start').summary
  end
end
