# frozen_string_literal: true

module PuppetX
  module Pitstop
    # The property `ensure` of a provider that starts and stops the server.
    module RunState
      # @return [Symbol] `absent` where no such instance is configured, else the server's state; `unsettled` where it is
      #   down and a stop would end something all the same
      def ensure
        return :absent unless known

        view['state'] == 'stopped' && stoppable? ? :unsettled : view['state'].to_sym
      end

      def ensure=(wanted)
        outcomes[:ensure] = change({ running: 'start', stopped: 'stop' }.fetch(wanted)).summary
      end

      private

      # Whether the unit is about to start the server again, or helpers of the server are left.
      def stoppable?
        view.dig('unit', 'active') == 'activating' || view['processes'].any? { |process| process['role'] == 'helper' }
      end
    end
  end
end
