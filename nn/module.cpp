#include "nn/module.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace soragrad::nn {
namespace {

// "path.name"; the root's empty name adds nothing.
std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

}  // namespace

ForwardSpan::ForwardSpan(const Module& module) {
  if (profile::recorder) span_.emplace(profile::Kind::module, module.path());
}

Parameter::Parameter(Module* owner, std::string name, const Shape& shape)
    : owner_(owner), name_(std::move(name)), shape_(shape) {
  require(owner_ != nullptr, "[module] the parameter \"{}\" has no owner; give it a module.",
          name_);
  for (const Parameter* other : owner_->parameters_) {
    require(other->name_ != name_, "[module] \"{}\" has two parameters of the name \"{}\".",
            owner_->path(), name_);
  }
  owner_->parameters_.push_back(this);
}

Parameter::~Parameter() {
  if (owner_) std::erase(owner_->parameters_, this);
}

std::string Parameter::path() const {
  return owner_ ? join(owner_->path(), name_) : name_;
}

void Parameter::assign(Tensor value) {
  require(value.shape() == shape_, "[{}] the value has shape {}; {} is expected.", path(),
          value.shape(), shape_);
  static_cast<Variable&>(*this) = Variable(std::move(value), requires_grad());
}

Module::Module(Module* parent, std::string name) : parent_(parent), name_(std::move(name)) {
  require(parent_ != nullptr,
          "[module] \"{}\" has no parent; give it one, as in dense(this, \"dense\", 8, 8).", name_);
  for (const Module* other : parent_->children_) {
    require(other->name_ != name_, "[module] \"{}\" has two children of the name \"{}\".",
            parent_->path(), name_);
  }
  parent_->children_.push_back(this);
}

// Children and parameters are members of a derived class and gone by now; those that somebody else
// owns lose their parent.
Module::~Module() {
  if (parent_) std::erase(parent_->children_, this);
  for (Module* child : children_) child->parent_ = nullptr;
  for (Parameter* parameter : parameters_) parameter->owner_ = nullptr;
}

std::string Module::path() const {
  return parent_ ? join(parent_->path(), name_) : name_;
}

void Module::for_each_parameter(const std::function<void(Parameter&)>& visit) {
  for (Parameter* parameter : parameters_) visit(*parameter);
  for (Module* child : children_) child->for_each_parameter(visit);
}

void Module::for_each_module(const std::function<void(Module&)>& visit) {
  visit(*this);
  // By index, because `visit` may attach children.
  for (size_t i = 0; i < children_.size(); ++i) children_[i]->for_each_module(visit);
}

std::vector<Parameter*> Module::parameters() {
  std::vector<Parameter*> all;
  for_each_parameter([&](Parameter& parameter) { all.push_back(&parameter); });
  return all;
}

Parameter* Module::find_parameter(const std::string& path) {
  Parameter* found = nullptr;
  for_each_parameter([&](Parameter& parameter) {
    if (!found && parameter.path() == path) found = &parameter;
  });
  return found;
}

std::weak_ptr<Module::Token> Module::token() const {
  if (!token_) token_ = std::make_shared<Token>();
  return token_;
}

const Variable& Module::observed(const Variable& output, const Pass& pass) const {
  if (pass.observe) pass.observe(path(), output);
  return output;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
