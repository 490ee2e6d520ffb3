# frozen_string_literal: true

# Everything that types and providers share, which they load by one `require` where it is not there yet. Puppet adds what
# it loads by itself to the list of loaded files, and Ruby's next `require` of whatever file then reads all of that list
# anew: 10 to 30 ms, for each type and for each provider. A provider's `confine` requires something too, so there is none:
# where there is no agent, each resource says so.
require 'puppet/parameter/boolean'
require_relative 'pitstop/instance_type'
require_relative 'pitstop/postponable'
require_relative 'pitstop/run_state'
require_relative 'pitstop/values'
require_relative '../puppet/provider/pitstop'
