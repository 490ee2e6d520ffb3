# frozen_string_literal: true

require_relative '../../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

Puppet::Type.type(:pitstop_verified).provide(:cli, parent: Puppet::Provider::Pitstop) do
  desc 'Calls the agent `pitstop` and reads its JSON reports.'

  # Exit code of the agent for an instance that is not as it must be; any other failure is not knowing.
  UNHEALTHY = 5

  # @return [Symbol] `verified`, `unhealthy`, or `absent` where no such instance is configured
  def ensure
    return :absent unless known
    return await_run if resource.noop? && view['state'] != 'running'
    return :verified if verdict.ok?

    succeed(verdict) unless verdict.exit == UNHEALTHY
    :unhealthy
  end

  # @return [PuppetX::Pitstop::Report] of `verify`, which is asked once
  def verdict
    @verdict ||= call('verify', *(['--deep'] if resource.deep?)).tap do |report|
      report.warnings.each { |warning| resource.warning(warning) }
    end
  end

  private

  def await_run
    resource.debug('whether the instance is healthy is known only when its server runs')
    :verified
  end
end
