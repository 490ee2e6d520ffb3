# frozen_string_literal: true

module PuppetX
  module Pitstop
    # What a run of Puppet does besides calling the agent.
    module Elsewhere
      module_function

      # Whether the run has changed anything since: a package, settings or a new pack in the source, for instance.
      def changed_since?(moment, catalog)
        catalog.resources.any? do |resource|
          next if resource.is_a?(InstanceType) || resource.type == :notify # which only says something

          synced = Puppet::Util::Storage.cache(resource)[:synced]
          synced && synced >= moment
        end
      end
    end
  end
end
