# frozen_string_literal: true

require 'spec_helper'

describe 'pitstop::to_json' do
  it { is_expected.to run.with_params({ 'b' => [1, nil], 'a' => { 'c' => true } }).and_return("{\"b\":[1,null],\"a\":{\"c\":true}}\n") }
  it { is_expected.to run.with_params(sensitive('x')).and_raise_error(ArgumentError, /Data/) }
end
