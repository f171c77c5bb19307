local function try(...) local ok, m = pcall(function(...) return string.format(...) end, ...) print(ok, (tostring(m):gsub("^[^ ]-:%d+: ", ""))) end
try("%d") try("%d", "x") try("%d", nil) try("%s") try("%s", nil) try("%s", {} and nil) try("%s", true)
try("%y", 1) try("%123d", 1) try("%.123d", 1) try("%------d", 1) try("%d %d", 1) try("%c", "x") try("%q", nil) try("%f", {} and false)
try(nil) try({} and nil) try("%d", print and {} and false) try("%5.5.5d", 1)
