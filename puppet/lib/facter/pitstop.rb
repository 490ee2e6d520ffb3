# frozen_string_literal: true

require 'json'
require_relative '../puppet_x/pitstop/handover'

# The instances that pitstop manages on this host, from one `pitstop check --all`, whose answer the run of Puppet that
# follows uses too. Small stable fields only, and never a reason for Facter to fail: no agent, no fact, and where nothing could
# be learned of any instance, why.
Facter.add(:pitstop, timeout: 30) do
  confine kernel: 'Linux'

  describe = lambda do |report|
    view = report['before']
    next { 'error' => report.dig('error', 'kind') } unless view

    {
      'product' => view['release']['product'],
      'level' => view['release']['level'],
      'state' => view['state'],
      'adopted' => view['adopted'],
      'verified' => view['verified'],
      'drift' => view['drift']['count'],
      'interrupted' => !view['interrupted'].nil?,
    }
  end

  setcode do
    began = Time.now
    limit = PuppetX::Pitstop::Handover::FACT_TIMEOUT_S
    text = Facter::Core::Execution.execute('pitstop --output json check --all', timeout: limit, on_fail: nil)
    if text.nil? || text.empty?
      next Time.now - began < limit ? nil : { 'error' => 'timeout' }
    end

    list = JSON.parse(text)
    instances = list.fetch('reports').to_h { |report| [report['instance'], describe.call(report)] }
    PuppetX::Pitstop::Handover.leave(began, text)
    { 'agent' => list['agent'], 'instances' => instances, 'error' => list.dig('error', 'kind') }.compact
  rescue StandardError => e
    Facter.debug("pitstop: #{e.class}: #{e.message}")
    nil
  end
end
