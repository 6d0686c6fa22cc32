// Module and Parameter: a tree of names. A member names itself once, in its parent's initialiser
// list, as in dense(this, "dense", hidden, hidden). The dotted path from the root is the key of the
// Hugging Face checkpoint.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "core/profile.h"
#include "nn/pass.h"
#include "nn/role.h"

namespace soragrad::nn {

class Module;

// Marks a module's forward pass in a profile (core/profile.h), under the module's path. Make one at
// the start of forward(). It costs a check of a null pointer while nothing is recorded.
class ForwardSpan {
 public:
  explicit ForwardSpan(const Module& module);

 private:
  std::optional<profile::Span> span_;
};

// A leaf Variable with a name and a declared shape, owned by a module. It has no value until
// assign() gives it one: loaded from a checkpoint or drawn (nn/init.h).
class Parameter : public Variable {
 public:
  // Registers with its owner, which must outlive it. Throws for a null owner, and for a name that
  // the owner has given to another parameter.
  Parameter(Module* owner, std::string name, const Shape& shape);
  ~Parameter();
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  const std::string& name() const { return name_; }
  const Module& owner() const { return *owner_; }
  std::string path() const;  // "deberta.encoder.layer.0.output.dense.weight"
  const Shape& declared_shape() const { return shape_; }
  // Sets the value, without copying it. Throws unless it has the declared shape. A trainable
  // parameter stays trainable, but its gradient is dropped.
  void assign(Tensor value);

 private:
  friend class Module;
  Module* owner_;
  std::string name_;
  Shape shape_;
};

// A node of the tree. Modules neither copy nor move, because children hold their parent's address.
// One thread at a time may train a module or change it. On the CPU several threads may call
// forward() at a time, each under a NoGrad.
class Module {
 public:
  Module() = default;  // a root: its name is empty
  // A child; registers with its parent, which must outlive it. Throws for a null parent, and for a
  // name that the parent has given to another child: paths tell modules apart.
  Module(Module* parent, std::string name);
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& name() const { return name_; }
  std::string path() const;  // "deberta.encoder.layer.0"; empty for a root
  Module* parent() const { return parent_; }
  const std::vector<Module*>& children() const { return children_; }
  // What the module is in its model (nn/role.h); none unless set.
  Role role() const { return role_; }
  void set_role(Role role) { role_ = role; }

  // Visits the parameters depth first, in order of construction: this module's own, then those of
  // its children.
  void for_each_parameter(const std::function<void(Parameter&)>& visit);
  // Visits this module, then its descendants depth first. `visit` may attach children.
  void for_each_module(const std::function<void(Module&)>& visit);
  std::vector<Parameter*> parameters();                // in the order of for_each_parameter
  Parameter* find_parameter(const std::string& path);  // null if no parameter has this path

  // A token that expires when the module is destroyed, for those who keep a reference to it. Its
  // `trained` is set while somebody updates the module's parameters, so that nobody else begins to.
  struct Token {
    bool trained = false;
  };
  std::weak_ptr<Token> token() const;

 protected:
  // Reports the module's output to the pass's observer, if there is one. Returns the output.
  const Variable& observed(const Variable& output, const Pass& pass) const;

 private:
  friend class Parameter;
  Module* parent_ = nullptr;
  std::string name_;
  Role role_ = Role::none;
  std::vector<Module*> children_;         // not owned: members of a derived class
  std::vector<Parameter*> parameters_;    // the same
  mutable std::shared_ptr<Token> token_;  // made by the first token()
};

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
