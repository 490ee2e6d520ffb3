# frozen_string_literal: true

require 'spec_helper'

describe 'pitstop::put_off' do
  it { is_expected.to run.with_params({ 'error' => { 'kind' => 'lock' } }).and_return(true) }
  it { is_expected.to run.with_params({ 'error' => { 'kind' => 'locked' } }).and_return(false) }
  it { is_expected.to run.with_params({ '_error' => { 'kind' => 'puppetlabs.tasks/task-error' } }).and_return(false) }
end
