# Doxygen's input filter for headers. Comments of this project are plain // lines, which Doxygen does
# not read: a block above a declaration becomes ///, a comment after one becomes ///<, the block at the
# head of a file describes the file. What follows the namespace (formatters of fmt) is left out.

# The text with characters that mean something to Doxygen escaped. An indented line (a formula) keeps
# a line of its own.
function escaped(text,  line_break) {
  if (text ~ /^  / || indented) line_break = "\\n "
  indented = text ~ /^  /
  gsub(/[\\@&#<>*`~|%$]|\[|\]/, "\\\\&", text)
  gsub(/::/, "\\::", text)
  gsub(/"/, "\\&quot;", text)
  return line_break text
}

BEGIN { head = 1; column = 0 }

NR <= 2 && (/SPDX-License-Identifier/ || /^$/) { print ""; next }

{
  at = index($0, "//")
  code = at ? substr($0, 1, at - 1) : $0
  text = at ? substr($0, at + 2) : ""
  sub(/^ /, "", text)
}
head && !at { head = 0; print "///@file"; for (i = 1; i <= lines; ++i) print headline[i] }
head { headline[++lines] = "/// " escaped(text); next }
!at { column = 0; indented = 0; print; next }
/^}  \/\/ namespace soragrad/ { print; exit }
text ~ /^-- / { column = 0; print; next }  # a rule between sections
code ~ /^ *$/ && at == column { print code "///< " escaped(text); next }
code ~ /^ *$/ { column = 0; print code "/// " escaped(text); next }
code ~ /[;,}a-z0-9] *$/ { column = at; indented = 0; print code "///< " escaped(text); next }
{ column = 0; print }

# SPDX-License-Identifier: Apache-2.0
