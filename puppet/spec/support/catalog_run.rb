# frozen_string_literal: true

# Whole runs of Puppet in this process, with the stand in the agent's place.
RSpec.shared_context 'with runs of Puppet' do
  let(:logs) { [] }

  before do
    Puppet[:vardir] = folder
    FileUtils.mkdir(Puppet[:statedir])
    Puppet::Util::Log.newdestination(Puppet::Test::LogCollector.new(logs))
  end

  # A resource about an instance of the stand.
  def instance_of(type, name = 'is-1', **attributes)
    Puppet::Type.type(type).new({ name: name, agent: stand.path, config_dir: '/c', state_dir: '/s' }.merge(attributes))
  end

  # Applies the resources in the order of their relations and returns their statuses.
  def run(*resources)
    catalog = Puppet::Resource::Catalog.new
    catalog.host_config = true # else Puppet ignores noop
    catalog.add_resource(*resources)
    transaction = catalog.apply
    resources.map { |resource| transaction.resource_status(resource) }
  end

  # As in `puppet agent`, which alone remembers what it left.
  def remember_runs
    allow_any_instance_of(Puppet::Transaction::Persistence).to receive(:enabled?).and_return(true)
  end

  def events(status)
    status.events.map { |event| [event.property, event.status] }
  end

  def changing_calls
    stand.calls.grep_v(/check|verify|--dry-run/)
  end
end
