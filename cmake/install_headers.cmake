# Writes the public headers - soragrad.h and all that it includes, directly or not - into the folder
# STAGE, as they are to be installed, and installs them if there is a DESTINATION. SOURCE is the
# repository. Run by `cmake --install` and by the target docs.
#
# In the tree a header includes "core/tensor.h", so that messages of the compiler show real paths. Such
# a name is too common for an include path that every project shares: installed headers include
# <soragrad/core/tensor.h>, and a project's own "core/tensor.h" is never taken for ours.

cmake_minimum_required(VERSION 3.25)
set(pending soragrad.h)
set(seen)
file(REMOVE_RECURSE ${STAGE})
while(pending)
  list(POP_FRONT pending header)
  if(header IN_LIST seen)
    continue()
  endif()
  list(APPEND seen ${header})
  if(header MATCHES "-inl[.]h$|^cli/|^train/|[.]cuh$")
    message(FATAL_ERROR "[install] ${header} is internal, but a public header includes it.")
  endif()
  file(READ ${SOURCE}/${header} text)
  string(REGEX MATCHALL "#[ \t]*include \"[^\"\n]+\"" includes "${text}")
  foreach(include ${includes})
    string(REGEX REPLACE ".*\"(.+)\"" "\\1" path "${include}")
    list(APPEND pending ${path})
  endforeach()
  string(REGEX REPLACE "(#[ \t]*include )\"([^\"\n]+)\"" "\\1<soragrad/\\2>" text "${text}")
  file(WRITE ${STAGE}/${header} "${text}")
endwhile()
if(DESTINATION)
  file(INSTALL ${STAGE}/ DESTINATION ${DESTINATION} FILES_MATCHING PATTERN "*")
endif()

# SPDX-License-Identifier: Apache-2.0
