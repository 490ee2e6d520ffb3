# frozen_string_literal: true

require_relative '../../puppet_x/pitstop/agent'

# What every provider on top of the agent shares: which agent a resource means, and how its answers become errors.
class Puppet::Provider::Pitstop < Puppet::Provider
  # Seconds after which reading the state of the instances is given up, whatever a resource allows for changes.
  CHECK_TIMEOUT_S = 300

  initvars

  # The parameters that decide which agent with which settings a resource is about.
  def self.agent_of(resource, timeout: resource[:timeout])
    PuppetX::Pitstop::Agent.new(
      path: resource[:agent], config_dir: resource[:config_dir], state_dir: resource[:state_dir], timeout: timeout
    )
  end

  def self.check_agent_of(resource)
    agent_of(resource, timeout: [resource[:timeout], CHECK_TIMEOUT_S].min)
  end

  # Gives every resource its instance's report, by one call per agent and settings. What could not be had here is
  # asked for again, one by one, when the resource's turn comes: by then its instance file may have been written.
  def self.prefetch(resources)
    groups = resources.values.group_by { |resource| resource.to_hash.values_at(:agent, :config_dir, :state_dir) }
    groups.each_value do |group|
      reports = reports_for(group.first)
      group.each { |resource| resource.provider.prefetched = reports[resource[:name]] }
    end
  end

  def self.reports_for(resource)
    check_agent_of(resource).check_all
  rescue Puppet::MissingCommand, PuppetX::Pitstop::Agent::Failed => e
    Puppet.debug("No prefetch of #{resource.class.name}: #{e.message}")
    {}
  end
  private_class_method :reports_for

  def prefetched=(report)
    @check = report if report&.ok?
  end

  private

  # The report of a check of the instance; nil where no such instance is configured.
  def check
    @check = load_check unless defined?(@check)
    @check
  end

  # Only the agent's own `unknown-instance` may read as absent: any other failure is not knowing.
  def load_check
    report = self.class.check_agent_of(resource).call('check', resource[:name])
    report.error_kind == 'unknown-instance' ? nil : succeed(report)
  rescue Puppet::MissingCommand => e
    raise unless resource.noop?

    # The agent may be what this very run would install.
    resource.debug(e.message)
    nil
  end

  # What the instance looks like now.
  def view
    @view || check.view
  end

  # Runs a verb that changes the instance.
  def change(verb, *arguments)
    report = self.class.agent_of(resource).call(verb, resource[:name], *arguments)
    @view = report.view || @view
    report.warnings.each { |warning| resource.warning(warning) }
    yield report if block_given?
    succeed(report)
  end

  def succeed(report)
    raise Puppet::Error, report.failure_text unless report.ok?

    report
  end
end
