# frozen_string_literal: true

require 'spec_helper'

describe 'pitstop::is_due' do
  it { is_expected.to run.with_params({ 'ok' => true, 'changed' => true }).and_return(true) }
  it { is_expected.to run.with_params({ 'ok' => true, 'changed' => false }).and_return(false) }
  it { is_expected.to run.with_params({ 'ok' => false, 'error' => { 'kind' => 'interrupted' } }).and_return(true) }
  it { is_expected.to run.with_params({ 'ok' => false, 'error' => { 'kind' => 'window' } }).and_return(false) }
  it { is_expected.to run.with_params({ '_error' => { 'kind' => 'puppetlabs.tasks/task-error' } }).and_return(false) }
end
