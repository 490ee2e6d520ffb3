# frozen_string_literal: true

require 'spec_helper'

describe 'pitstop::to_yaml' do
  it { is_expected.to run.with_params({ 'b' => 1, 'a' => { 'c' => true } }).and_return("b: 1\na:\n  c: true\n") }
  it { is_expected.to run.with_params({ 'level' => '7.10', 'yes' => 'no' }).and_return("level: '7.10'\n'yes': 'no'\n") }
  it { is_expected.to run.with_params({ 'a' => nil }).and_return("{}\n") }
  it { is_expected.to run.with_params({ 'a' => sensitive('x') }).and_raise_error(ArgumentError, /Data/) }
end
