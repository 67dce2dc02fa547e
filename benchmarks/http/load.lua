-- For wrk: one request, again and again, and what came of it as one line of JSON.
-- wrk -s load.lua URL -- METHOD BODY

function init(arguments)
  wrk.method = arguments[1]
  if arguments[2] and #arguments[2] > 0 then
    wrk.body = arguments[2]
    wrk.headers["Content-Type"] = "application/json"
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nsummary {"requests": %d, "errors": %d, "p50": %d, "p99": %d}\n',
    summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50),
    latency:percentile(99)
  ))
end
