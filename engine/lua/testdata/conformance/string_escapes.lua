print("a\tb", "a\\b", 'single "double"', "double 'single'", "\104\105", "\0651", #"\0", #"\a\b\f\v") print("line\
continued") print([[
first newline skipped]]) print([[a\nb]], #[[

]]) print("\"", '\'', "\r\n" == "\013\010")
