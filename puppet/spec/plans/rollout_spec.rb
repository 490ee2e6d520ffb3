# frozen_string_literal: true

require 'spec_helper'
require_relative '../support/bolt_stand'

describe 'pitstop::rollout' do
  before { Puppet[:tasks] = true }

  let(:balancer) { { 'drain' => 'site::drain', 'undrain' => 'site::undrain' } }
  let(:at_the_level) { { 'ok' => true, 'changed' => false } }

  def refused(kind)
    { 'ok' => false, 'changed' => false, 'error' => { 'kind' => kind, 'message' => "it is #{kind}" } }
  end

  def rollout(asked: {}, verified: {}, **arguments)
    given = { 'targets' => %w[a b], 'instance' => 'is-1', 'waves' => [1] }.merge(arguments.transform_keys(&:to_s))
    BoltStand.plan('pitstop::rollout', given, { 'pitstop::update --dry-run' => asked, 'pitstop::verify' => verified })
  end

  def wave(host)
    ["site::drain: #{host}", "pitstop::update: #{host}", "pitstop::verify: #{host}", "site::undrain: #{host}"]
  end

  it 'takes wave by wave out of service, updates and verifies it and puts it back' do
    expect(rollout(**balancer)).to eq('updated' => %w[a b], 'unchanged' => [], 'waiting' => [])
    expect(BoltStand.log).to eq(['pitstop::update --dry-run: a b', *wave('a'), *wave('b')])
  end

  it 'puts nobody back who is not healthy, and begins no other wave' do
    expect { rollout(verified: { 'a' => refused('unhealthy') }, **balancer) }
      .to raise_error(/wave 1 is not healthy, and no later one was begun:\n  a: it is unhealthy/)
    expect(BoltStand.log).to eq(['pitstop::update --dry-run: a b', *wave('a')[0..2]])
  end

  it 'puts those back first that an earlier run may have left out of service' do
    rollout(asked: { 'a' => at_the_level }, **balancer)
    expect(BoltStand.log).to eq(['pitstop::update --dry-run: a b', 'pitstop::verify: a', 'site::undrain: a', *wave('b')])
  end

  it 'begins no wave where one of them is not healthy' do
    asked = { 'a' => at_the_level, 'b' => refused('window') }
    expect { rollout(targets: %w[a b c], asked: asked, verified: { 'a' => refused('unhealthy') }, **balancer) }
      .to raise_error(/no wave was begun:\n  a: it is unhealthy/)
    expect(BoltStand.log).to eq(['pitstop::update --dry-run: a b c', 'pitstop::verify: a b', 'site::undrain: b'])
  end

  it 'leaves hosts at the level alone where it put nobody out of service' do
    expect(rollout(asked: { 'a' => at_the_level, 'b' => refused('lock') }))
      .to eq('updated' => [], 'unchanged' => ['a'], 'waiting' => ['b'])
    expect(BoltStand.log).to eq(['pitstop::update --dry-run: a b'])
  end

  it 'updates a host whose update was interrupted' do
    expect(rollout(asked: { 'a' => refused('interrupted') })).to include('updated' => %w[a b])
  end

  it 'takes all hosts to the level that was the highest when it began' do
    planned = { 'ok' => true, 'changed' => true, 'plan' => { 'to' => { 'level' => '1.1.0' } } }
    rollout(targets: %w[a b c], asked: { 'a' => refused('interrupted'), 'b' => planned, 'c' => planned })
    updates = BoltStand.log.grep(/update/)
    expect(updates).to eq(['pitstop::update --dry-run: a b c', *%w[a b c].map { |host| "pitstop::update to 1.1.0: #{host}" }])
  end

  it 'changes nothing where hosts would come to different levels, unless the level was named' do
    asked = { 'a' => '1.1.0', 'b' => '1.2.0' }.transform_values do |level|
      { 'ok' => true, 'changed' => true, 'plan' => { 'to' => { 'level' => level } } }
    end
    expect { rollout(asked: asked) }.to raise_error(/different levels.*:\n  a: 1.1.0\n  b: 1.2.0/)
    expect(BoltStand.log).to eq(['pitstop::update --dry-run: a b'])
    rollout(asked: asked, level: '2')
    expect(BoltStand.log.grep(/update to 2/).size).to eq(2)
  end

  it 'changes nothing where the update would fail' do
    expect { rollout(asked: { 'b' => refused('conflicts') }) }.to raise_error(/nothing was changed.*\n  b: it is conflicts/)
    expect(BoltStand.log).to eq(['pitstop::update --dry-run: a b'])
  end
end
