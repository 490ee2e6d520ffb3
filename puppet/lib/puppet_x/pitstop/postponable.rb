# frozen_string_literal: true

module PuppetX
  module Pitstop
    # A property whose change the agent may put off until the host's time has come. That is no failure, which would keep
    # from its work what needs only a healthy server, and no change, which would set off refreshes. The event says that
    # the value is another, as under noop; without one Puppet would remember the wanted value as reached, and take the
    # change that comes at last for a correction.
    module Postponable
      # An event of a change that did not take place.
      module Postponed
        def status=(status)
          super(status == 'success' ? 'noop' : status)
        end
      end

      def event(*)
        super.tap { |event| @event = event }
      end

      def sync
        resource.demand_instance
        provider.public_send("#{name}=", should)
        @event&.extend(Postponed) if provider.postponed?(name)
      end
    end
  end
end
