// Module and Parameter: a tree of names. A member names itself once, in its parent's initialiser
// list - dense(this, "dense", hidden, hidden) - and the dotted path from the root is the Hugging
// Face checkpoint key.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "core/profile.h"
#include "nn/pass.h"

namespace soragrad::nn {

class Module;

// A module's forward pass in a profile (core/profile.h), under the module's path.
class ForwardSpan {
 public:
  explicit ForwardSpan(const Module& module);

 private:
  std::optional<profile::Span> span_;
};

// A leaf Variable with a name and a declared shape. It has no value until one is loaded or drawn.
class Parameter : public Variable {
 public:
  // Registers with its owner.
  Parameter(Module* owner, std::string name, const Shape& shape);
  ~Parameter();
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  const std::string& name() const { return name_; }
  std::string path() const;  // "deberta.encoder.layer.0.output.dense.weight"
  const Shape& declared_shape() const { return shape_; }
  // Sets the value; throws where the shape is not the declared one. Trainability stays as it is.
  void assign(Tensor value);

 private:
  Module* owner_;
  std::string name_;
  Shape shape_;
};

// Modules neither copy nor move: children hold their parent's address.
class Module {
 public:
  Module() = default;  // a root: its name is empty
  Module(Module* parent, std::string name);
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& name() const { return name_; }
  std::string path() const;
  Module* parent() const { return parent_; }
  const std::vector<Module*>& children() const { return children_; }

  // Depth first, in order of construction: this module's own parameters, then its children's.
  void for_each_parameter(const std::function<void(Parameter&)>& visit);
  void for_each_module(const std::function<void(Module&)>& visit);  // itself first
  std::vector<Parameter*> parameters();
  Parameter* find_parameter(const std::string& path);  // null where there is none

 protected:
  // Reports an output to the pass's observer, if there is one, and returns it.
  const Variable& observed(const Variable& output, const Pass& pass) const;

 private:
  friend class Parameter;
  Module* parent_ = nullptr;
  std::string name_;
  std::vector<Module*> children_;
  std::vector<Parameter*> parameters_;
};

}  // namespace soragrad::nn
