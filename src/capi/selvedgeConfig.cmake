# find_package(selvedge): the libraries that are installed, of selvedge::block and selvedge::inference;
# find_package(selvedge COMPONENTS inference) fails without that one.
foreach(part block inference)
  include("${CMAKE_CURRENT_LIST_DIR}/selvedge_${part}.cmake" OPTIONAL RESULT_VARIABLE selvedge_${part}_FOUND)
  if(NOT selvedge_${part}_FOUND AND selvedge_FIND_REQUIRED_${part})
    set(selvedge_FOUND FALSE)
    set(selvedge_NOT_FOUND_MESSAGE "selvedge::${part} is not installed")
  endif()
endforeach()
