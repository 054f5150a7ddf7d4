-- What wrk asks: the requests of a file, one line each (method, path, token, body; tab-separated), in turn for each thread.
-- With "follow" a thread sends the refresh token that its last answer brought. At the end one line of JSON.
local requests, follow, nth, token = {}, false, 0, nil
local threads = {}

function setup(thread)
  thread:set("id", #threads)
  table.insert(threads, thread)
end

function init(args)
  follow = args[2] == "follow"
  nth = id
  for line in io.lines(args[1]) do
    local method, path, bearer, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    if bearer ~= "" then headers["Authorization"] = "Bearer " .. bearer end
    if body ~= "" then headers["Content-Type"] = "application/json" end
    table.insert(requests, {method, path, headers, body})
  end
  if follow then token = requests[id % #requests + 1][4] end
end

function request()
  if follow then
    return wrk.format("POST", "/token/refresh", {["Content-Type"] = "application/json"}, '{"refresh_token":"' .. token .. '"}')
  end
  nth = nth + 1
  local it = requests[nth % #requests + 1]
  return wrk.format(it[1], it[2], it[3], it[4])
end

function response(status, headers, body)
  if follow then token = body:match('"refresh_token":"([^"]+)"') or token end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"failed":%d,"p50_ms":%.4f,"p99_ms":%.4f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
