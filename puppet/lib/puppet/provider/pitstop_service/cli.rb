# frozen_string_literal: true

require_relative '../../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

Puppet::Type.type(:pitstop_service).provide(:cli, parent: Puppet::Provider::Pitstop) do
  desc 'Calls the agent `pitstop` and reads its JSON reports.'

  # @return [Symbol] `absent` where no such instance is configured, else the server's state
  def ensure
    known ? view['state'].to_sym : :absent
  end

  def ensure=(wanted)
    outcomes[:ensure] = change({ running: 'start', stopped: 'stop' }.fetch(wanted)).summary
  end

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
