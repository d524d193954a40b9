//! What engines do not have as a command, as scripts on one key: each runs at one instant.

use std::sync::LazyLock;

/// A script and the name by which the engine remembers it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: &'static str,
    pub(crate) hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }
}

/// Writes or removes a key if it is as it was seen.
///
/// Arguments: `1` and the bytes that were seen, or `0` and nothing for an absent key; then what
/// to do: `del`, or `set`, the new bytes, an option of `SET` or nothing, and its argument.
/// Returns 1, or 0 and what is there instead.
pub(crate) static COMPARE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local key = KEYS[1]
local present = redis.call('GET', key)
local seen = ARGV[1] == '1' and ARGV[2]
if present ~= seen then return {0, present} end
if ARGV[3] == 'del' then
  redis.call('DEL', key)
elseif ARGV[5] == '' then
  redis.call('SET', key, ARGV[4])
elseif ARGV[5] == 'KEEPTTL' then
  redis.call('SET', key, ARGV[4], 'KEEPTTL')
else
  redis.call('SET', key, ARGV[4], ARGV[5], ARGV[6])
end
return {1}
",
    )
});

/// Counts within bounds.
///
/// Arguments: amount, least and greatest result, `1` to saturate, what becomes of the deadline
/// (`keep`, `create`, `none` or `refresh`), the option of `SET` for it or nothing, and its
/// argument. Returns the old and the new integer as text, or nothing if the value is no integer.
///
/// The engine's numbers are floats, exact up to 2^53. So integers are compared as pairs of
/// a multiple of 10^9 and a rest, and the sum itself is made by `INCRBY`.
pub(crate) static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local key, by, min, max = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local function pair(text)
  local sign, digits = string.match(text, '^(%-?)(%d+)$')
  local high = tonumber(string.sub(digits, 1, -10)) or 0
  local low = tonumber(string.sub(digits, -9))
  if sign == '-' then
    high, low = -high, -low
    if low < 0 then high, low = high - 1, low + 1000000000 end
  end
  return high, low
end
local function less(high, low, other_high, other_low)
  if high ~= other_high then return high < other_high end
  return low < other_low
end
local function is_int(text)
  if #text > 20 or text ~= '0' and not string.match(text, '^%-?[1-9]%d*$') then return false end
  local high, low = pair(text)
  return not less(high, low, pair('-9223372036854775808'))
    and not less(9223372036, 854775807, high, low)
end
local present = redis.call('GET', key)
local old = present or '0'
if not is_int(old) then return {} end
local high, low = pair(old)
local by_high, by_low = pair(by)
high, low = high + by_high, low + by_low
if low >= 1000000000 then high, low = high + 1, low - 1000000000 end
local max_high, max_low = pair(max)
local bound
if less(high, low, pair(min)) then
  bound = min
elseif less(max_high, max_low, high, low) then
  bound = max
end
local new = bound
if not bound then
  redis.call('INCRBY', key, by)
  new = redis.call('GET', key)
elseif ARGV[4] == '1' then
  redis.call('SET', key, bound, 'KEEPTTL')
else
  return {old, old}
end
local rule, option, ms = ARGV[5], ARGV[6], ARGV[7]
if rule == 'refresh' or rule == 'create' and not present
  or rule == 'none' and redis.call('PTTL', key) == -1 then
  if option == '' then
    redis.call('PERSIST', key)
  elseif option == 'PX' then
    redis.call('PEXPIRE', key, ms)
  else
    redis.call('PEXPIREAT', key, ms)
  end
end
return {old, new}
",
    )
});

/// The value of a key and its milliseconds left, of one instant; nothing if it is absent.
pub(crate) static ENTRY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local present = redis.call('GET', KEYS[1])
if not present then return {} end
return {present, redis.call('PTTL', KEYS[1])}
",
    )
});
