# frozen_string_literal: true

RSpec.configure { |config| config.mock_with :rspec }

require 'puppetlabs_spec_helper/module_spec_helper'
require_relative 'support/recorded'
require_relative 'support/replay'
require_relative 'support/catalog_run'

RSpec.configure { |config| config.include Replay }
