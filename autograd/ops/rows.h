// Rows of a table for an op that reads the table itself.
#pragma once

#include "autograd/ops.h"

namespace soragrad {

// Recorded as embedding() is, but nothing is computed: nobody may read the elements.
Variable unread_rows(const TableRows& rows);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
